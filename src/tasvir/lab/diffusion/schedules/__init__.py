"""Schedules, one file each: alpha and sigma as functions of time."""
