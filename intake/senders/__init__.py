"""Who really sent a mail: what `intake.authentication` and the panel's sentence rest on."""
