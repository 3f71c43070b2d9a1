"""Accounts as people meet them: the words, mails and forms that allauth's pages are given."""
