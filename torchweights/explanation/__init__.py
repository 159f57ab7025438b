"""What an explanation is made of: stages, shares, findings, and the forms it is read in."""
