"""One file a command: the folder is the registry.

Each has SAYS and EXAMPLE for the help, `add_arguments`, `run` (the answer, as one dict) and `show`.
"""
