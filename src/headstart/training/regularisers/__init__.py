"""Regularisers: one file each; what keeps a tuned network close to the pretrained one."""
