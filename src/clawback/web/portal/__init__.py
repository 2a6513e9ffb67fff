"""The portal: pages for people, rendered here, on the same questions and orders as the API."""
