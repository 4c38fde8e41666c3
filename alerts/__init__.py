"""What becomes an alert (policy), its life (state machine and journal), who hears of it (notifications), and the review that both sides sign. May import domain, storage, models and assess."""
