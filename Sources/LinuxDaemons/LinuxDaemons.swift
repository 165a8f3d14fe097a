/// Layer 5. Standard daemons as supervised child processes.
