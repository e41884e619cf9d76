"""What is published: the docs as a site, a recorded terminal session, and a release."""
