"""An open-loop crowd of buyers for the lab: arrivals are fixed in advance and never wait for an answer."""
