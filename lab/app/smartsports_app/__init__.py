"""The reference application: a ticket shop with an admin API."""
