"""python -m gatewayd"""

from gatewayd.cli.main import main

if __name__ == "__main__":
    main(prog_name="gatewayd")
