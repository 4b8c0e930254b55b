# parts come with their folders
