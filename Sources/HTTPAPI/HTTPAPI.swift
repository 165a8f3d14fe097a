/// Layer 6. The HTTP+JSON API over any set of resource kinds.
