"""Where rows are stored, together with the checkpoint."""
