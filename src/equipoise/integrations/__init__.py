"""Training loops of other libraries. Only the modules in here import them; nothing else imports these modules."""
