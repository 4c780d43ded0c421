"""Labelled pictures out of archives and folders: a small reader for each format, without database.

Input is a stranger's: whatever is wrong with it as a whole is an `ImportRefusedError`, and what is
wrong with one file of it is that file's reason.
"""
