"""Brokers: messages over real servers, a module for each protocol behind one interface."""
