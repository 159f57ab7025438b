"""The origins O1 to O23, asked of the releases they come from."""
