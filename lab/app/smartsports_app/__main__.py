"""python -m smartsports_app"""

from smartsports_app.main import main

main()
