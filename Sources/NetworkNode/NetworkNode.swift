/// Layer 6. The node agent: watch, plan, apply, report.
