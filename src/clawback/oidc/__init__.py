"""OpenID Connect, as one who relies on a provider: asks it who somebody is, and believes what it signed."""
