"""What kinds of example there are, one file a kind: how it is told, named, looked at and measured."""
