//! The client that is generated from `api/openapi.json`: what a program of somebody else would use.
