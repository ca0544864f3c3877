"""Prompt and picture in, score out; scores report, they never steer the loop."""
