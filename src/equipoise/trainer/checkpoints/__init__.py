"""Checkpoints that hold the position of the stream, sealed with checksums; damaged ones are set aside."""
