/// Layer 5. Who is asking: tokens, host credentials, certificates.
