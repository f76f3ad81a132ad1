"""The desk: what the office does with what arrives. Start reading at `intake.pipeline`."""
