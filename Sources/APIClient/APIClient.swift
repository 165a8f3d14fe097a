/// Layer 6. The client of the API for agents and commands.
