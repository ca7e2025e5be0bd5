"""What happened to a claim, whichever file or person said so, and what stands now."""
