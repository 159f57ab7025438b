"""Records the demo's training inside the real releases of Keras; `record.py` drives, the rest runs in old Pythons."""
