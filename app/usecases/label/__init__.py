"""What a labeler does with proposals: lease them, decide them, take decisions back."""
