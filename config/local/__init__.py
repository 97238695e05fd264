"""The launcher: a real PostgreSQL and a real Redis for a machine that has neither, and all processes at once.

`python -m config.local --help` lists what it does; bin/up, bin/test, bin/manage and bin/rehearse call it. It
imports nothing of the application, so that it works before the first migration.
"""
