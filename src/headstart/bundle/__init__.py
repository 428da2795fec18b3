"""The saved model: a folder of JSON and safetensors, every byte accounted for, no pickle."""
