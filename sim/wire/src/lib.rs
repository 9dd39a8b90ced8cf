//! A proxy in front of an HTTP server that harms what passes, as a seed says.
