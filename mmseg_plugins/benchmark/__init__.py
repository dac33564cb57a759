"""Time, memory and operations of systems and operators."""
