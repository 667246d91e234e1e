"""From the endpoint to the sink: pages, batches, checkpoints, and the end of a run."""
