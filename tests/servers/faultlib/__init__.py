"""The parts of the fault server; see ../fault.py."""
