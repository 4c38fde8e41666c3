"""What becomes an alert (policy), its life (state machine and journal) and who hears of it (notifications). May import domain, storage, models and assess."""
