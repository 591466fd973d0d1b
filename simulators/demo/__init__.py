"""The whole thing on one machine: a broker, simulated locks, the daemon, a booking side, and one
busy minute of a holiday rental site.

    stage       the parts, started and ended together; waiting for a state of the locks' memory
    site        the shipped site and calendars, moved to today, and the inn
    scenes      guests come, extend, cancel and leave; a lock is dead and revived
    mill        Nuki locks: a code before its time, a link that breaks, a BlueZ that goes
    inn         a backup code, another room, a door revoked, digits that a lock has already
    trouble     a power cut in the middle of a write, an evening without a broker
    verdict     what must be true at the end
    play        the scenes in their order
    view        what the booking side knows of each door, from events alone
    screen      the same for the eye
"""
