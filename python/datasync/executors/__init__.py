"""How the endpoints of one configuration take turns."""
