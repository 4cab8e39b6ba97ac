"""Do the filter and Glance's own notifier tell the same?"""
