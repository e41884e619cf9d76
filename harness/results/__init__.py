"""What a campaign leaves on disk, and the types that those who judge it share."""
