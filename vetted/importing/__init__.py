"""`vetted import`: labelled pictures of this machine and of the web, pushed into a project over REST."""
