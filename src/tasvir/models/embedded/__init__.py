"""The embedded models: small networks trained in the picture world and shipped with the package."""
