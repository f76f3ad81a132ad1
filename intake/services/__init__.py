"""The catalogue of services, what it asks and what it promises."""
