"""An encoder of table rows: columns, cells, the network and its pre-training."""
