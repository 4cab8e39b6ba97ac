"""The commands of glance-notify, each with files and fakes: no Glance, no broker."""
