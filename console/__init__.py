"""What people see: REST, live stream, pages, login, roles and scopes, languages. May import every room but edge_agent, simulator and oshwatch."""
