"""The web application: it answers keys, delivers the page, and keeps strangers out."""
