"""The tables of every report, as plain rows that HTML, Markdown and CSV print."""
