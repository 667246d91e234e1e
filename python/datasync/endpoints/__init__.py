"""Where records come from and how to read them."""
