"""What the end-to-end tests stand on: the service, proxies, upstreams and clients as objects."""
